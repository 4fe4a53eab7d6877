package doctor

import "seatrial/bridge/forge"

// Object is a block as programs read it. Its keys stay as they are.
type Object struct {
	About     string    `json:"about"`
	Reached   bool      `json:"reached"` // false only for a forge that did not answer
	Abilities []Ability `json:"abilities"`
}

// Ability is one as programs read it.
type Ability struct {
	Name  string             `json:"name"`
	State forge.AbilityState `json:"state"` // ok, warning, missing, unknown
	Why   string             `json:"why"`
	Next  string             `json:"next,omitempty"`
}

// JSON is the blocks as programs read them.
func JSON(blocks []Block) []Object {
	objects := make([]Object, 0, len(blocks))
	for _, b := range blocks {
		o := Object{About: b.About, Reached: !b.Unreachable, Abilities: []Ability{}}
		for _, a := range b.Abilities {
			o.Abilities = append(o.Abilities, Ability(a))
		}
		objects = append(objects, o)
	}
	return objects
}
