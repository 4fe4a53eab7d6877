// Package setup makes a Nomad cluster ready for runs: namespaces, policies, and the
// jobs that runs are dispatched to.
//
// What it makes is plain HCL that an operator can print, read and replace. Apply is
// idempotent, touches nothing that is not ours, and keeps what an operator changed
// unless it is forced. How ours is told from theirs: each definition carries a
// fingerprint of its own text, comments and empty lines aside; what no longer matches its
// fingerprint was edited. No token is made but by BridgeToken, and no text of a forge's
// user is in any of it: only what enrolments say, checked and quoted.
package setup
