// Package nomad deploys a recipe that is a Nomad job file.
//
// The app is a service job named after the subdomain, in a namespace of its own, on
// the node on which we run: its volumes are dynamic host volumes there, which we
// reach as folders, and its processes are among those that we see. We must therefore
// be root on that node. Before anything is submitted, the job is held against a
// policy and reshaped: it has our name, our labels, our node, no second chances and
// no fixed ports, and nothing of it is registered in any catalogue. The release's
// own files are a read-only volume named "release" for job files that ask for it.
//
// Everything that is made carries the run's labels before it exists: a job in its
// meta, a volume in its name. The package builds nothing, restarts nothing that
// ended, and judges no health. What a container's own user writes is read and
// written as the owner of its volume; a link leads nowhere but into the volume.
//
// A program that uses it calls process.Main before anything else: a copy of the
// program is what works on an app's files.
package nomad
