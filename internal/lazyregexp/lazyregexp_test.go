package lazyregexp

import "testing"

// Otherwise what is wrong with an expression would show to whoever meets it first.
func TestABrokenExpressionShowsInTests(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was not compiled")
		}
	}()
	New("(")
}

func TestItIsWhatItSays(t *testing.T) {
	form := New(`^(a+)(b*)$`)
	for range 2 {
		if m := form.FindStringSubmatch("aab"); len(m) != 3 || m[1] != "aa" || m[2] != "b" {
			t.Errorf("found %q", m)
		}
	}
	if form.MatchString("b") {
		t.Error("it matches what it should not")
	}
}
