package dbserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/app"
)

const token = "TOKENTOKENTOKENTOKENTOKEN7"

// rowsOf makes rows of any text: lines, and tabs between values.
func rowsOf(text string) app.Rows {
	rows := app.Rows{}
	for line := range strings.Lines(text) {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

func FuzzPsqlAnswers(f *testing.F) {
	f.Add("a\tb\n\t\n", "head\x00head"+token+"-rowa\x00b\n"+token+"-end\n")
	f.Add("", token+"-end\n"+token+"-row"+token+"-end\n")
	f.Add("x", "no end")
	f.Fuzz(func(t *testing.T, values, raw string) {
		psql{}.answers(raw, token) // whatever comes, it ends
		if strings.Contains(values, "\x00") || strings.Contains(values, token) {
			return
		}
		want := rowsOf(values)
		out := "head"
		for _, row := range want {
			out += token + rowEnd + strings.Join(row, "\x00")
		}
		got, err := psql{}.answers(out+"\n"+token+answerEnd+token+answerEnd, token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]app.Rows{want, {}}, got); diff != "" {
			t.Fatal(diff)
		}
		if _, err := (psql{}).answers(out, token); err == nil {
			t.Fatal("an answer that was cut off is none")
		}
	})
}

func FuzzMySQLAnswers(f *testing.F) {
	f.Add("a\tb\n\t\n", `<resultset statement="x"><row><field name="a">1</field><field name="b" xsi:nil="true" /></row></resultset>`)
	f.Add("<row>&amp;", "<resultset><row>")
	f.Add("\x00\xff", `<resultset><row><field name="a"`)
	f.Fuzz(func(t *testing.T, values, raw string) {
		mysql{}.answers(raw, token)
		if strings.Contains(values, token) {
			return
		}
		want := rowsOf(values)
		escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
		set := func(rows app.Rows) string {
			var b strings.Builder
			b.WriteString("<resultset statement=\"SELECT 1\">")
			for _, row := range rows {
				b.WriteString("\n  <row>\n")
				for _, v := range row {
					if v == "" {
						b.WriteString("\t<field name=\"n\" xsi:nil=\"true\" />\n")
						continue
					}
					b.WriteString("\t<field name=\"&lt;n&gt;\">" + escape.Replace(v) + "</field>\n")
				}
				b.WriteString("  </row>\n")
			}
			return b.String() + "</resultset>\n"
		}
		mark := set(app.Rows{{token}})
		got, err := mysql{}.answers(`<?xml version="1.0"?>`+set(want)+mark+mark, token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]app.Rows{want, {}}, got); diff != "" {
			t.Fatal(diff)
		}
		if _, err := (mysql{}).answers(strings.TrimSuffix(mark+set(want), "</resultset>\n"), token); err == nil {
			t.Fatal("an answer that was cut off is none")
		}
	})
}
