package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// node is the part of a JSON Schema that the page is made of.
type node struct {
	Ref         string            `json:"$ref"`
	Description string            `json:"description"`
	Type        any               `json:"type"`
	Default     json.RawMessage   `json:"default"`
	Examples    []json.RawMessage `json:"examples"`
	Enum        []json.RawMessage `json:"enum"`
	Const       json.RawMessage   `json:"const"`
	Minimum     json.Number       `json:"minimum"`
	Maximum     json.Number       `json:"maximum"`
	Required    []string          `json:"required"`
	Wants       string            `json:"x-wants"`
	Items       *node             `json:"items"`
	Properties  keys              `json:"properties"`
	Defs        keys              `json:"$defs"`
}

// keys are named nodes in the order in which the file has them.
type keys struct {
	names []string
	nodes map[string]*node
}

func (k *keys) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &k.nodes); err != nil {
		return err
	}
	in := json.NewDecoder(bytes.NewReader(b))
	for depth := 0; ; {
		t, err := in.Token()
		if err != nil {
			return nil // the end; Unmarshal has proven the syntax
		}
		switch t := t.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				depth++
			} else {
				depth--
			}
		case string:
			if depth == 1 {
				k.names = append(k.names, t)
				var skipped json.RawMessage
				if err := in.Decode(&skipped); err != nil {
					return err
				}
			}
		}
	}
}

const head = `<!-- Written by go generate from recipes/schema.json. Do not edit. -->
# The enrolment: tests/&lt;recipe&gt;/recipe.yaml

%s

The file is YAML or JSON: one ` + "`recipe.yaml`, `recipe.yml` or `recipe.json`" + ` in each folder under ` + "`tests/`" + `; the folder's name is the recipe's name
(small letters, digits and -). CUE files are not read: what CUE evaluates to can be written here as JSON.

` + "`seatrial recipes check`" + ` says what is wrong, with file, line and column. ` + "`seatrial recipes new OWNER/NAME`" + ` writes a first one. Editors that know the
YAML language server complete the keys through the first line: ` + "`# yaml-language-server: $schema=../schema.json`" + `.

A bad enrolment does not take the others down. A file that goes bad while ` + "`seatrial serve`" + ` runs stays in force as it last was.

What ` + "`allow`" + ` can name is in [the policy](policy.md), and what the other keys for ` + "`target: swarm`" + ` do in [Test a Co-op Cloud recipe](../how-to/swarm-recipe.md).

`

// page renders the schema.
func page(schema []byte) ([]byte, error) {
	var root node
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("cannot read the schema: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, head, cell(root.Description))
	b.WriteString("## Keys\n\n")
	table(&b, root, root, "")
	for _, name := range root.Properties.names {
		n := root.Properties.nodes[name]
		if len(n.Properties.names) == 0 {
			continue
		}
		fmt.Fprintf(&b, "## `%s`\n\n%s\n\n", name, cell(n.Description))
		table(&b, root, *n, name+".")
	}
	b.WriteString("## Steps\n\n`checks`, `canaries.seed` and `canaries.expect` are lists of steps. ")
	for _, name := range []string{"step", "request", "expect"} {
		n := root.Defs.nodes[name]
		if name != "step" {
			fmt.Fprintf(&b, "### `%s`\n\n", name)
		}
		fmt.Fprintf(&b, "%s\n\n", n.Description)
		table(&b, root, *n, "")
	}
	b.WriteString("## Values\n\n")
	for _, name := range root.Defs.names {
		n := root.Defs.nodes[name]
		if len(n.Properties.names) == 0 && n.Description != "" {
			fmt.Fprintf(&b, "- **%s**: %s\n", name, n.Description)
		}
	}
	return b.Bytes(), nil
}

func table(b *bytes.Buffer, root, n node, prefix string) {
	b.WriteString("| key | value | default | |\n|---|---|---|---|\n")
	for _, name := range n.Properties.names {
		p := n.Properties.nodes[name]
		text := cell(p.Description)
		if slices.Contains(n.Required, name) {
			text = "**Required.** " + text
		}
		if len(p.Examples) > 0 {
			text += " For example " + code(p.Examples[0]) + "."
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, name, kind(root, *p), code(p.Default), text)
	}
	b.WriteString("\n")
}

// kind says in words what a value is.
func kind(root, n node) string {
	if name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok {
		if name == "reason" {
			return "text"
		}
		return name
	}
	switch {
	case n.Const != nil:
		return code(n.Const)
	case n.Enum != nil:
		var words []string
		for _, e := range n.Enum {
			words = append(words, code(e))
		}
		return strings.Join(words, ", ")
	case n.Wants != "":
		return cell(n.Wants)
	case n.Items != nil:
		return "list of: " + kind(root, *n.Items)
	}
	bounds := ""
	if n.Minimum != "" {
		bounds = fmt.Sprintf(", %s to %s", n.Minimum, n.Maximum)
	}
	switch n.Type {
	case "object":
		return "keys and values"
	case "string":
		return "text"
	case "integer":
		return "whole number" + bounds
	case "number":
		return "number" + bounds
	case "boolean":
		return "`true` or `false`"
	}
	return "any value"
}

func code(raw json.RawMessage) string {
	if raw == nil {
		return ""
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		var plain bytes.Buffer
		if json.Compact(&plain, raw) != nil {
			return ""
		}
		text = plain.String()
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

// cell is text within a table, where < would begin a tag.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(s) }
