// Package adapter has what all forge adapters need word for word: the errors that a
// forge's answers become, the repeating of questions, counts, the clock difference, and
// how far a feed was read.
//
// It knows no forge's protocol and sends nothing itself. Nothing of it shows a token:
// errors name the method and the path of a request, never its headers or its query.
package adapter
