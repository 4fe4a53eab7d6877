// Package loaded tells whose code the processes of an app execute, as far as that can be seen
// from outside.
//
// It looks at what a process executes, has mapped, holds open, was told to interpret, and
// where its interpreter looks for more; and, with a Watch, at which code of the volumes
// was opened. A volume outlives an upgrade, so what lies in one proves nothing for the
// release that was deployed last, whatever its content: it is an older release's, or it
// is Unproven. What the app has written since that release was brought up is its own.
//
// It asks no process anything, executes nothing, and follows links only within a
// process's own view of the machine. That nothing is found is no proof by itself: the
// deployer knows what it started, and from where.
package loaded
