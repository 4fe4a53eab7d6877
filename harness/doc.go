// Package harness performs one run and leaves nothing behind.
//
// Run fetches the recipe, asks the stages, and then always tears down, whatever
// happened before: with a context of its own and within a budget of its own. Every
// fact is an event, given to the sink in order before the next one happens; the
// last one says that the harness is done. What could not be found out is said and
// never held against the recipe. The package decides nothing about who may start a
// run, and knows no forge, no queue and no platform: those are given to it.
package harness
