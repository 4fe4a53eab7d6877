// Package process deploys a plain program: a repository with a Procfile.
//
// Every running instance has one supervisor, a copy of this program that starts
// the services, reaps what they leave behind, and takes all of it with it when the
// harness is gone: their common socket then reaches its end. Isolated, the
// supervisor is process 1 of a sandbox made by bubblewrap: its own process, mount,
// network, IPC and host namespaces, limits on memory, processes and CPU time,
// nothing of the host but the system's programs, read-only, and everything of the
// recipe's runs as a user of its own without privileges. Not isolated, the code is
// trusted: it runs as we do, and only what it starts is kept track of.
//
// What a run has on the machine is a folder, at most two cgroups, and processes.
// All three carry the run's labels before they exist to anybody: the folder is
// made under another name until labels.json lies in it, the cgroup has them in its
// name, a process has them in its environment. So they can be found and removed by
// somebody who knows nothing else; see NewPlace.
//
// The package does not restart what ended, does not judge health, and never
// follows a path that the recipe controls with our own privileges.
//
// A program that uses it calls Main before anything else.
package process
