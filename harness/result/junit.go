package result

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode"

	"seatrial/harness/run"
	"seatrial/internal/hidden"
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	ID       string      `xml:"id,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Stamp    string      `xml:"timestamp,attr,omitempty"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit is the result as a JUnit report, as most CI systems read it: a case for
// each stage and one for the teardown. A fault is a failure; what could not be
// verified is an error; what did not apply is skipped.
func JUnit(r Result) ([]byte, error) {
	suite := junitSuite{
		Name: "seatrial." + r.Report.Request.Recipe, ID: string(r.Report.Request.ID), Time: fmt.Sprintf("%.3f", r.Seconds),
	}
	if !r.Report.StartedAt.IsZero() {
		suite.Stamp = r.Report.StartedAt.UTC().Format("2006-01-02T15:04:05")
	}
	for _, s := range r.Report.Stages {
		suite.add(stageCase(r.Report, s))
	}
	suite.add(teardownCase(r.Report))
	text, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("cannot encode junit.xml: %w", err)
	}
	return append([]byte(xml.Header), append(legible(text), '\n')...), nil
}

// legible writes characters that nobody can see, or that turn the reading direction, by
// their numbers. They stand in texts only, where that means the same.
func legible(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		if hidden.Is(r) && !unicode.IsControl(r) {
			fmt.Fprintf(&b, "&#x%X;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

func (s *junitSuite) add(c junitCase) {
	c.Class = s.Name
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func stageCase(r run.Report, s run.StageReport) junitCase {
	c := junitCase{Name: string(s.Stage), Time: fmt.Sprintf("%.3f", s.Took.Seconds())}
	switch s.Outcome {
	case run.Passed:
	case run.Failed:
		c.Failure = &junitText{Message: s.Note}
		if s.Fault != nil {
			c.Failure.Message = s.Fault.Summary
			c.Failure.Text = strings.Join(s.Fault.Evidence, "\n")
		}
	case run.Skipped:
		c.Skipped = &junitText{Message: s.Note}
	case run.Blocked:
		c.Skipped = &junitText{Message: "blocked: " + s.Note}
	case run.Unverified:
		c.Error = &junitText{Message: "unverified: " + s.Note}
	default:
		c.Error = &junitText{Message: "not asked: " + why(r)}
	}
	return c
}

func why(r run.Report) string {
	if r.Ending == run.EndedNormally {
		return "the run ended before"
	}
	return strings.TrimSuffix(string(r.Ending)+": "+r.EndingNote, ": ")
}

func teardownCase(r run.Report) junitCase {
	c := junitCase{Name: "teardown", Time: "0.000"}
	switch {
	case !r.TornDown:
		c.Error = &junitText{Message: "nobody looked after the teardown"}
	case len(r.Leftovers) > 0:
		var names []string
		for _, l := range r.Leftovers {
			names = append(names, strings.TrimSpace(l.Kind+" "+l.Name+" "+l.Detail))
		}
		c.Error = &junitText{Message: fmt.Sprintf("%d left over", len(names)), Text: strings.Join(names, "\n")}
	}
	return c
}
