// Package store keeps the journal, and the bridge's ledger beside it, in one
// SQLite file.
//
// What a method reported as done survives a crash of the program and of the
// machine. Several processes may have the file open: the command line reads, and
// asks for a cancellation, while the bridge runs. There is one writer at a time
// and readers never wait for it. The table of events holds the facts; the table
// of runs is folded from it in the same transaction and can be made again.
//
// It does not delete: what a run said stays said.
package store
