package badge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode"

	svgo "github.com/ajstarks/svgo"
)

const (
	height   = 20
	padding  = 5
	maxLabel = 40 // characters
)

// cleanLabel makes a label that a stranger chose fit for a picture.
func cleanLabel(s string) string {
	n := 0
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if n++; n > maxLabel {
			return -1
		}
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s))
}

// SVG draws the badge: flat, two halves, the same words for eyes and screen readers.
func (b Badge) SVG() []byte {
	label, message := textWidth(b.Label), textWidth(b.Message)
	left, right := label+2*padding, message+2*padding
	if b.Label == "" {
		left = 0
	}
	name := b.Message
	if b.Label != "" {
		name = b.Label + ": " + b.Message
	}
	var buf bytes.Buffer
	svg := svgo.New(&buf)
	// svgo escapes text but no attributes.
	svg.Startraw(attr("width", left+right), attr("height", height), `role="img"`, attr("aria-label", html.EscapeString(name)))
	svg.Title(name)
	svg.LinearGradient("seatrial-s", 0, 0, 0, 100, []svgo.Offcolor{{Offset: 0, Color: "#bbb", Opacity: 0.1}, {Offset: 100, Color: "#000", Opacity: 0.1}})
	svg.ClipPath(`id="seatrial-r"`)
	svg.Roundrect(0, 0, left+right, height, 3, 3, `fill="#fff"`)
	svg.ClipEnd()
	svg.Group(`clip-path="url(#seatrial-r)"`)
	svg.Rect(0, 0, left, height, `fill="#555"`)
	svg.Rect(left, 0, right, height, attr("fill", fills[b.Color]))
	svg.Rect(0, 0, left+right, height, `fill="url(#seatrial-s)"`)
	svg.Gend()
	svg.Group(`fill="#fff"`, `text-anchor="middle"`, `font-family="Verdana,Geneva,DejaVu Sans,sans-serif"`,
		`text-rendering="geometricPrecision"`, `font-size="110"`)
	if b.Label != "" {
		words(svg, b.Label, left*5, label, "#fff", "#010101")
	}
	ink, shadow := "#fff", "#010101"
	if brightness(fills[b.Color]) > 0.69 {
		ink, shadow = "#333", "#ccc"
	}
	words(svg, b.Message, left*10+right*5, message, ink, shadow)
	svg.Gend()
	svg.End()
	return buf.Bytes()
}

// words writes a text and its shadow around x, in tenths of a pixel.
func words(svg *svgo.SVG, s string, x, width int, ink, shadow string) {
	length := attr("textLength", width*10)
	svg.Text(x, 150, s, `aria-hidden="true"`, attr("fill", shadow), `fill-opacity=".3"`, `transform="scale(.1)"`, length)
	svg.Text(x, 140, s, attr("fill", ink), `transform="scale(.1)"`, length)
}

func attr(name string, value any) string { return fmt.Sprintf(`%s="%v"`, name, value) }

// brightness is how bright a colour looks, from 0 to 1.
func brightness(color string) float64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(color, "#"), 16, 32)
	if err != nil {
		return 0
	}
	r, g, b := float64(n>>16), float64(n>>8&0xff), float64(n&0xff)
	return (r*299 + g*587 + b*114) / 255_000
}

// JSON is the badge for shields.io's endpoint.
func (b Badge) JSON() []byte {
	type endpoint struct {
		SchemaVersion int    `json:"schemaVersion"`
		Label         string `json:"label"`
		Message       string `json:"message"`
		Color         Color  `json:"color"`
		IsError       bool   `json:"isError,omitempty"`
	}
	out, err := json.Marshal(endpoint{1, b.Label, b.Message, b.Color, b.Color == Red})
	if err != nil {
		panic(err) // three strings and a number
	}
	return append(out, '\n')
}
