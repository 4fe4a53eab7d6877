// Package store keeps the journal, and the bridge's ledger beside it, in one
// SQLite file.
//
// What a method reported as done survives a crash of the program and of the
// machine. Several processes may have the file open: the command line reads, and
// asks for a cancellation, while the bridge runs. There is one writer at a time
// and readers never wait for it. The table of events holds the facts; the table
// of runs is folded from it in the same transaction and can be made again.
//
// It does not delete: what a run said stays said. But people are forgotten: of comments
// that are no commands only the number is kept, of commands author and text for a while, and
// Forget takes a person out of everything. What is erased is overwritten in the file.
package store
