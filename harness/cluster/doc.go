// Package cluster says what the parts of this program that meet on a Nomad cluster
// call things there: namespaces, jobs, groups, tasks, meta, folders, labels; and
// how a client for the cluster is made, and what its errors mean.
//
// It is the contract between the dispatcher, the harness in its allocation, the
// deployer of Nomad recipes, the janitor, and the commands that set a cluster up.
// It starts and stops nothing, and changes nothing but an attempt's lease.
package cluster
