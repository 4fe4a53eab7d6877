// Package lint says what can be said about a recipe without deploying it.
//
// It reads the recipe's files, those of the release before it, and the operator's
// enrolment, and nothing else: it runs nothing, follows no link out of the tree, and
// reads a bounded part of every file. Each finding has an ID that docs/reference/lint.md
// explains. An error is something that is surely broken; where there is doubt, it is a
// warning, a note, or nothing. What it says about a file's content never repeats a
// secret.
package lint
