// Package swarm deploys Co-op Cloud recipes on a Docker Engine in swarm mode: one stack
// an app, named like its subdomain.
//
// The stack is deployed by the docker program's own stack deploy, from the recipe's
// files as they are and one more of ours, which carries labels, image digests, and the
// node that we run on. Everything else goes through the Engine's API. What is made
// carries the run's labels, in the object itself, before or when it comes to be, so that
// Place finds it without knowing the run.
//
// The harness runs on the engine's own machine, as root: volumes are read where they
// lie, and the app is reached from within its network. A fault blames the recipe; the
// registry's limits, a full disk and an engine that does not answer are errors of ours,
// and are named. The package knows nothing about stages or backups, beyond telling what
// the recipe declares about them.
package swarm
