package sample

import (
	"context"
	"io"
	"strings"
	"time"

	"seatrial/dashboard"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// The runs on a cluster.
var (
	ClusterPassed  = ID(100)
	ClusterRunning = ID(110)
	ClusterHostile = ID(120)
)

// Their allocations. The first two begin with the same 8 digits.
const (
	AllocPassed  = "5f0b7c1e-93b3-52ac-91f6-2a0d7a7f3c01"
	AllocRunning = "5f0b7c1e-c9a6-1d47-a1de-7d7f0e4ab602"
)

const (
	nodeOne   = "9a1c6f0e-0d0b-4f1e-8f0a-64a1d0c9e001"
	nodeTwo   = "2b7e4d11-5c7e-4d3a-9a57-0f5b7b1de002"
	nodeThree = "c4d9a3f7-8d2e-4b61-b1a3-3f1c2c5ae003"
	nodeFour  = "e8f1b2a6-1f3c-4c9d-8a7e-6b2d4d7ce004"
)

// ClusterJob is the job of a run's first attempt.
func ClusterJob(id run.ID) string {
	return cluster.JobRun + cluster.ChildMarker(id, 1) + "1795620079-9f82d137"
}

// NewClusterJournal fills a journal with the sample's runs and some on a cluster.
func NewClusterJournal() Journal {
	all := run.Stages()
	passed := begin(ClusterPassed, "guestbook", 14, nil).
		startAt(run.Started{Job: ClusterJob(ClusterPassed), Alloc: AllocPassed, Node: "ci-node-1"}, "pr-14", "Say hello in Nauruan", all...)
	running := begin(ClusterRunning, "vaultwarden", 22, nil).
		startAt(run.Started{Job: ClusterJob(ClusterRunning), Alloc: AllocRunning, Node: "ci-node-2"}, "pr-22", "Move to PostgreSQL 18", all...).pass(run.StagePolicy, run.StageLint)
	running.add(run.Event{Attempt: 1, Source: run.Harness, Kind: run.KindStageStarted, Stage: run.StageUpgrade}, nil)
	hostile := begin(ClusterHostile, "uptime-kuma", 2, nil).
		startAt(run.Started{Job: Evil, Alloc: Evil, Node: Evil}, "pr-2", "Look here", all...)
	return fill(append(stories(), passed.pass(all...).end(), running.events, hostile.pass(all...).end()))
}

// Cluster is the cluster of the sample.
func Cluster(context.Context) cluster.Snapshot {
	healthy := []cluster.Driver{{Name: "exec", Healthy: true}, {Name: "raw_exec", Healthy: true}}
	return cluster.Snapshot{Nodes: []cluster.Node{
		{ID: nodeOne, Name: "ci-node-1", Status: "ready", Eligible: true, Drivers: healthy, Capabilities: []string{"kvm", "docker"}},
		{ID: nodeTwo, Name: "ci-node-2", Status: "ready", Eligible: true, Drivers: append(healthy[:2:2], cluster.Driver{Name: "docker"}), Runs: []run.ID{Running, ClusterRunning}},
		{ID: nodeThree, Name: "ci-node-3", Status: "ready", Draining: true, Drivers: healthy[:1]},
		{ID: nodeFour, Name: "ci-node-4", Status: "down", Eligible: true},
		{Name: Evil, Status: Evil, Drivers: []cluster.Driver{{Name: Evil}}, Capabilities: []string{Evil}},
		{Name: "ci-node-6", Status: "ready"},
	}}
}

// ClusterAway is the same cluster while it does not answer.
func ClusterAway(ctx context.Context) cluster.Snapshot {
	c := Cluster(ctx)
	c.AwaySince = Now.Add(-3 * time.Minute)
	return c
}

// NomadURL is where the cluster's own pages would be.
const NomadURL = "https://nomad.example.org"

// JobLog writes the output of an attempt of the sample.
func JobLog(_ context.Context, job, stream string, _ bool, w io.Writer) error {
	_, err := io.WriteString(w, strings.Repeat(stream+" of "+job+"\n", 3)+Evil+"\n")
	return err
}

// OnCluster makes a dashboard's configuration that of one whose runs are on a cluster.
func OnCluster(c *dashboard.Config) {
	c.Journal, c.Cluster, c.JobLog = NewClusterJournal(), Cluster, JobLog
	c.NomadURL, c.NomadRequests = NomadURL, func() uint64 { return 42 }
}
