package dashboard_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
)

// parse reads a page as a browser does and calls f for each element.
func parse(t *testing.T, body string, f func(n *html.Node, attr map[string]string)) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		f(n, attr)
	}
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// harmless lists what a page may be made of.
var harmless = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`html head meta title link script body a header main footer nav section div span p ul ol li dl dt dd
		h1 h2 h3 table caption thead tbody tr th td code pre b i strong br img time details summary form label input button`) {
		harmless[name] = true
	}
}

func TestPagesAreHarmless(t *testing.T) {
	eachPage(t, func(t *testing.T, d *dashboard.Dashboard, _, path string) {
		_, body := get(t, d, path)
		for _, r := range body {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Errorf("a reader cannot see %U", r)
			}
		}
		parse(t, body, func(n *html.Node, attr map[string]string) {
			if !harmless[n.Data] {
				t.Errorf("there is a <%s>", n.Data)
			}
			if n.Data == "script" && (!strings.HasPrefix(attr["src"], "/assets/") || text(n) != "") {
				t.Errorf("a script that is not ours: %v %s", attr, text(n))
			}
			for name, value := range attr {
				if strings.HasPrefix(name, "on") || name == "style" || name == "srcset" {
					t.Errorf("<%s> has %s=%q", n.Data, name, value)
				}
				switch name {
				case "src", "action":
					if !strings.HasPrefix(value, "/") || strings.HasPrefix(value, "//") {
						t.Errorf("<%s> loads %s", n.Data, value)
					}
				case "href":
					ours := strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "//") || strings.HasPrefix(value, "#") || strings.HasPrefix(value, "?")
					if !ours && !strings.HasPrefix(value, "https://git.example.org/") && !strings.HasPrefix(value, sample.NomadURL+"/ui/") && value != "http://app-1a2b3c.localhost:8080" {
						t.Errorf("there is a link to %s", value)
					}
				}
			}
		})
	})
}

func TestPagesCanBeReadByEverybody(t *testing.T) {
	eachPage(t, func(t *testing.T, d *dashboard.Dashboard, _, path string) {
		_, body := get(t, d, path)
		ids, labels, h1, heading := map[string]int{}, map[string]bool{}, 0, 0
		parse(t, body, func(_ *html.Node, attr map[string]string) {
			if id, ok := attr["id"]; ok {
				ids[id]++
			}
			labels[attr["for"]] = true
		})
		for id, n := range ids {
			if n > 1 {
				t.Errorf("id %q is there %d times", id, n)
			}
		}
		parse(t, body, func(n *html.Node, attr map[string]string) {
			element(t, n, attr, ids, labels)
			if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
				level := int(n.Data[1] - '0')
				if level == 1 {
					h1++
				}
				if level > heading+1 {
					t.Errorf("<%s> %q follows a heading of level %d", n.Data, text(n), heading)
				}
				heading = level
			}
		})
		if h1 != 1 {
			t.Errorf("%d main headings", h1)
		}
		if ids["main"] != 1 || !strings.Contains(body, `href="#main"`) {
			t.Error("no link that skips to the content")
		}
	})
}

// element checks one element for those who do not see it.
func element(t *testing.T, n *html.Node, attr map[string]string, ids map[string]int, labels map[string]bool) {
	t.Helper()
	switch n.Data {
	case "html":
		if attr["lang"] == "" {
			t.Error("the page does not say its language")
		}
	case "img":
		if alt, ok := attr["alt"]; !ok || alt == "" && !strings.Contains(attr["src"], "/assets/") {
			t.Errorf("a picture without words: %v", attr)
		}
	case "a", "button", "summary":
		if text(n) == "" {
			t.Errorf("<%s %v> has no words", n.Data, attr)
		}
	case "input":
		if attr["type"] != "hidden" && !labels[attr["id"]] {
			t.Errorf("an input without a label: %v", attr)
		}
	case "table":
		if find(n, "caption") == nil || find(n, "thead") == nil {
			t.Error("a table without caption or head")
		}
	case "th":
		if attr["scope"] == "" || text(n) == "" {
			t.Errorf("a head that says nothing of what: %v %q", attr, text(n))
		}
	case "time":
		if _, err := time.Parse(time.RFC3339, attr["datetime"]); err != nil {
			t.Errorf("a time that programs cannot read: %v", err)
		}
	case "section":
		if attr["aria-labelledby"] == "" {
			t.Error("a section without a name")
		}
	}
	if id := attr["aria-labelledby"]; id != "" && ids[id] != 1 {
		t.Errorf("<%s> is named by %q, which is not there", n.Data, id)
	}
	if href := attr["href"]; strings.HasPrefix(href, "#") && ids[href[1:]] != 1 {
		t.Errorf("a link to %s, which is not there", href)
	}
	if strings.HasPrefix(attr["class"], "sign ") && len([]rune(text(n))) < 3 {
		t.Errorf("a sign without a word: %q", text(n))
	}
}

func find(n *html.Node, name string) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			return d
		}
	}
	return nil
}
