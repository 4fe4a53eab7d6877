// Package failpoint marks the places at which a crash test kills this program.
//
// Hit does nothing, and costs nothing, unless the program was built with the tag
// failpoints. Then the process kills itself with SIGKILL, as a crash would, when
// the variable SEATRIAL_FAILPOINT names the point (name#2 is the second time that it
// is come to). No released binary carries the tag.
package failpoint
