// Command reference writes docs/reference/enrolment.md from the enrolment's JSON
// Schema: one section for each group of keys, and one for each kind of value. It
// says nothing that the schema does not say.
package main

import (
	"fmt"
	"os"

	"seatrial/recipes"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: reference FILE")
		os.Exit(64)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(file string) error {
	text, err := page(recipes.Schema())
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return fmt.Errorf("cannot write the page: %w", err)
	}
	return nil
}
