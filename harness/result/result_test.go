package result

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"seatrial/harness/run"
)

var at = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// full is a report in which every field has a value.
func full() run.Report {
	return run.Report{
		Request: run.Request{
			ID: "01k9zq3v8e2m4n6p8r0t2v4x6y", Recipe: "guestbook",
			Code:    run.Code{Forge: "gitea", Repo: "o/r", URL: "u", Pull: 3, Ref: "refs/pull/3/head", Commit: "abc", Base: "main", Link: "l", WorkTree: true},
			AskedBy: run.Person{Login: "ada", ID: 7}, AskedAt: at, Limit: time.Hour, Silence: time.Minute,
			Needs: []string{"kvm"}, Trusted: true, From: "1.0.0", Only: run.StageUpgrade,
		},
		State: run.Ended, Attempt: 2, QueuedAt: at, StartedAt: at, EndedAt: at.Add(90 * time.Second),
		Lease:   run.Lease{Slot: 1, Expires: at},
		Started: &run.Started{PID: 1, Host: "h", Label: "gues-abcdef", BaseURL: "http://x", Gateway: "127.0.0.1:1", Job: "seatrial-run/dispatch-1", Alloc: "a", Node: "n"},
		Plan:    &run.Plan{Stages: run.Stages(), Commit: "abc", Tree: "def", Subject: "s", Previous: "1.0.0"},
		Stages: []run.StageReport{
			{Stage: run.StagePolicy, Outcome: run.Passed, StartedAt: at, Took: time.Second},
			{Stage: run.StageUpgrade, Outcome: run.Failed, Note: "lost", Fault: &run.Fault{Summary: "2 rows <are> gone", Evidence: []string{"id 4\x1b[31m", "id 5 ]]>"}, Hint: "h"}},
			{Stage: run.StageRestart, Outcome: run.Unverified, Note: "u"},
			{Stage: run.StageBackup, Outcome: run.Skipped, Note: "s"},
			{Stage: run.StageRestore, Outcome: run.Blocked, Note: "b"},
			{Stage: run.StageChecks},
		},
		Progress: "p", Findings: []run.Finding{{ID: "no-readme", Severity: run.SeverityWarning, File: "README.md", Line: 1, Text: "t"}},
		Warnings: []string{"w"}, Ending: run.EndOutOfTime, EndingNote: "n", TornDown: true,
		Leftovers: []run.Leftover{{Kind: "folder", Name: "/x", Detail: "d"}},
		Earlier:   []string{"e"}, Joined: []string{"bob"}, StaleSince: "c", SupersededBy: "01k9zq3v8e2m4n6p8r0t2v4x6z", CancelAsked: "ada", CleanedAt: at,
	}
}

func validate(t *testing.T, text []byte) error {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("result.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("result.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(value)
}

func TestWhatIsWrittenFitsTheSchema(t *testing.T) {
	empty := run.Report{Request: run.Request{ID: "01k9zq3v8e2m4n6p8r0t2v4x6y"}, State: run.Waiting}
	for name, report := range map[string]run.Report{"full": full(), "hardly anything": empty} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := Write(dir, report); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, JSONFile))
			if err != nil {
				t.Fatal(err)
			}
			if err := validate(t, text); err != nil {
				t.Fatal(err)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 2 {
				t.Errorf("there should be two files, there are %v", entries)
			}
		})
	}
}

func TestTheSchemaRefusesWhatIsNoResult(t *testing.T) {
	text, _ := json.Marshal(New(full()))
	for _, change := range [][2]string{{`"verdict":"fail"`, `"verdict":"green"`}, {`"level":0`, `"level":6`}, {`"format":1`, `"fromat":1`}, {`"outcome":"failed"`, `"outcome":"bad"`}} {
		broken := bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(broken, text) {
			t.Fatalf("%s is not in the result", change[0])
		}
		if validate(t, broken) == nil {
			t.Errorf("%s should not fit the schema", change[1])
		}
	}
}

// Every exported field of the report must be described.
func TestTheSchemaKnowsEveryField(t *testing.T) {
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	for def, of := range map[string]any{"report": run.Report{}, "request": run.Request{}, "code": run.Code{}, "stage_report": run.StageReport{}, "fault": run.Fault{}, "finding": run.Finding{}, "leftover": run.Leftover{}, "started": run.Started{}} {
		for field := range reflect.TypeOf(of).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if _, known := schema.Defs[def].Properties[name]; field.IsExported() && !known {
				t.Errorf("schema.json does not describe %s.%s", def, name)
			}
		}
	}
}

func TestNumbersAreTheReportsOwn(t *testing.T) {
	r := New(full())
	report := full()
	if r.Verdict != run.VerdictFail || r.Level != report.Level() || r.Seconds != 90 || r.WouldRaise != report.WouldRaise() {
		t.Errorf("got verdict %s, level %d, %v s", r.Verdict, r.Level, r.Seconds)
	}
}

func TestJUnitTellsTheOutcomesApart(t *testing.T) {
	text, err := JUnit(New(full()))
	if err != nil {
		t.Fatal(err)
	}
	var suite junitSuite
	if err := xml.Unmarshal(text, &suite); err != nil {
		t.Fatalf("junit.xml is no XML: %v\n%s", err, text)
	}
	if suite.Tests != 7 || suite.Failures != 1 || suite.Errors != 3 || suite.Skipped != 2 {
		t.Errorf("got %d tests, %d failures, %d errors, %d skipped", suite.Tests, suite.Failures, suite.Errors, suite.Skipped)
	}
	failure := suite.Cases[1].Failure
	if failure == nil || failure.Message != "2 rows <are> gone" || !strings.Contains(failure.Text, "id 5 ]]>") {
		t.Errorf("the fault is not told: %+v", failure)
	}
	if !strings.Contains(suite.Cases[5].Error.Message, "out of time") {
		t.Errorf("a stage that was not asked should say why: %q", suite.Cases[5].Error.Message)
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	err := Write(filepath.Join(t.TempDir(), "missing"), full())
	if err == nil || !strings.HasPrefix(err.Error(), "cannot write the result") {
		t.Fatalf("got %v", err)
	}
}
