// Package run is the vocabulary of a test run: what was asked (Request), what
// happened (Event), and what follows from it (Report, Verdict, Level).
//
// Everything in it is a value. A Report is folded from events and its verdict
// and level are computed from it whenever they are asked for, so they cannot
// drift from the facts, and they never overstate: what was not proven does not
// count. The package imports nothing else of this program, touches no disk and
// no network, and holds no clock.
package run
