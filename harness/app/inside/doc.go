// Package inside works on an app's own files: volumes to and from tar streams,
// single files, databases.
//
// It runs as the app's user, inside the app's sandbox where there is one, so
// that a hostile link or database reaches nothing that the app itself could not
// reach. Every path is opened below its volume's root and never leaves it. The
// package knows no run; the deployer calls it through a copy of this program, which
// Run starts where it is root, and the fake calls it directly.
package inside
