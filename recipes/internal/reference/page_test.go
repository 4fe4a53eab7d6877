package main

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/recipes"
)

var update = flag.Bool("update", false, "write the page")

const published = "../../../docs/reference/enrolment.md"

func TestThePublishedPageIsTheSchemas(t *testing.T) {
	if *update {
		if err := write(published); err != nil {
			t.Fatal(err)
		}
	}
	want, err := page(recipes.Schema())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is old: run go generate ./recipes\n%s", published, diff)
	}
}
