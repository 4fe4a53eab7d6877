// Package janitor removes what outlived its lease, whoever made it.
//
// It is the last layer of the teardown and the only complete one: it needs
// nothing but the labels on the objects and the answer to one question, whose run
// still lives. Objects of a live run are never removed. What this installation
// made goes when its run has ended or is unknown, and only a definite "not found"
// is unknown: an owner that cannot be asked leaves everything as it is. What
// another installation made goes some time after it expired. Nothing of a run that
// was asked for moments ago is touched, unless its program has surely ended.
//
// It does not watch and does not decide what a leftover means for a verdict. A
// sweep may be made at any time, any number of times, by several at once.
package janitor
