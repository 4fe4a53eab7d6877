// Package announce keeps the people on a pull request informed: one comment a run,
// edited while it goes on, and one commit status that always ends.
//
// What is said is computed from the journal's report alone (Render, StatusOf), so
// saying it again changes nothing. The Announcer says it: it remembers in the
// ledger that it is about to post before it posts, so that a crash at any moment
// leads to one comment and one final status. It decides nothing about runs.
package announce
