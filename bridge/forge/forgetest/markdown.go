package forgetest

import (
	"bytes"
	"html"
	"html/template"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"

	"seatrial/internal/lazyregexp"
)

// markdown renders a comment. Of the HTML in it, a handful of tags without attributes
// are kept; comments vanish; everything else is shown as the text that it is.
func markdown(text string) template.HTML {
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(allowList{}, 1))),
	)
	var out bytes.Buffer
	if err := md.Convert([]byte(text), &out); err != nil {
		return template.HTML("<pre>" + html.EscapeString(text) + "</pre>")
	}
	return template.HTML(out.String())
}

// allowList renders the raw HTML in Markdown.
type allowList struct{}

func (allowList) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		block := n.(*ast.HTMLBlock)
		var raw bytes.Buffer
		for i := range block.Lines().Len() {
			line := block.Lines().At(i)
			raw.Write(line.Value(source))
		}
		if block.HasClosure() {
			raw.Write(block.ClosureLine.Value(source))
		}
		_, err := w.WriteString(sanitize(raw.String()))
		return ast.WalkContinue, err
	})
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkSkipChildren, nil
		}
		raw := n.(*ast.RawHTML)
		var text bytes.Buffer
		for i := range raw.Segments.Len() {
			segment := raw.Segments.At(i)
			text.Write(segment.Value(source))
		}
		_, err := w.WriteString(sanitize(text.String()))
		return ast.WalkSkipChildren, err
	})
}

// piece is an HTML comment, or a tag that may stay.
var piece = lazyregexp.New(`(?s)<!--.*?-->|</?(?:details|summary|sub|sup|br|b|i|code|kbd)\s*/?>|<details open>`)

func sanitize(raw string) string {
	var out strings.Builder
	rest := raw
	for _, at := range piece.FindAllStringIndex(raw, -1) {
		skipped := len(raw) - len(rest)
		out.WriteString(html.EscapeString(raw[skipped:at[0]]))
		if tag := raw[at[0]:at[1]]; !strings.HasPrefix(tag, "<!--") {
			out.WriteString(tag)
		}
		rest = raw[at[1]:]
	}
	out.WriteString(html.EscapeString(rest))
	return out.String()
}
