package janitor

import (
	"slices"

	"seatrial/harness/app"
)

// key tells objects apart: kind and ID are enough to remove one.
type key struct{ kind, id string }

func keyOf(o app.Object) key { return key{o.Kind, o.ID} }

// set records what became of an object; what was known before is replaced.
func (r *Result) set(o app.Object, fate Fate, why string) {
	item := Item{Object: o, Fate: fate, Why: why}
	if i := r.index(keyOf(o)); i >= 0 {
		r.Items[i] = item
		return
	}
	r.Items = append(r.Items, item)
}

// leave records that an object is still there, and why if that is known.
func (r *Result) leave(k key, cause error) {
	why := "it is still there after being removed"
	if cause != nil {
		why = cause.Error()
	}
	if i := r.index(k); i >= 0 {
		r.Items[i].Fate, r.Items[i].Why = Left, why
	}
}

func (r *Result) index(k key) int {
	return slices.IndexFunc(r.Items, func(known Item) bool { return keyOf(known.Object) == k })
}
