// Package swarmtest starts real Docker Engines in swarm mode, for tests.
//
// An engine lives in network and mount namespaces of its own, where nothing but loopback
// leads out: it meets no other engine of the machine, several may run at once, and no
// registry of the world is asked. Beside it a registry serves the images that
// dev/docker/build made, so pulls are real. What a test wants to reach in there it reaches
// by Engine.Dial and Engine.Command. Whatever way the starting process ends, everything of
// the engine is ended and removed. It wants root and Debian's packages docker.io and
// docker-registry, and is no way to run Docker for anything else.
package swarmtest
