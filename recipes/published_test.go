package recipes

import (
	"bytes"
	"os"
	"testing"
)

// The enrolments of this repository name ../schema.json in their first line, so
// that editors complete them.
func TestTheSchemaLiesBesideTheEnrolments(t *testing.T) {
	const file = "../tests/schema.json"
	if *update {
		if err := os.WriteFile(file, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Schema()) {
		t.Errorf("%s is old: run go test ./recipes -update", file)
	}
}

func TestTheEnrolmentsOfThisRepositoryAreGood(t *testing.T) {
	book, err := Load("../tests")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range book.Problems {
		t.Error(p)
	}
	for _, name := range []string{"guestbook", "pocketbase"} {
		if _, ok := book.ByName(name); !ok {
			t.Errorf("%s is not enrolled", name)
		}
	}
}
