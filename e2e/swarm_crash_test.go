package e2e_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/harness/run"
)

// TestSwarmCrash kills the harness of a run on a swarm in each stage, and wants what is
// left to be what would be left without: one run, one comment, one final status, and
// nothing in the engine, as the docker program lists it.
func TestSwarmCrash(t *testing.T) {
	e := swarmtest.Need(t)
	t.Parallel()
	tellSwarmCrashes(t, e, func(t *testing.T, tell func(c crash, killed func(*crashed) error)) {
		for _, point := range harnessPoints {
			if !wholeSwarm && point != "harness:backup" {
				continue
			}
			tell(crash{point: point, wants: []ending{passesAgain}}, (*crashed).harnessDies)
		}
		if wholeSwarm {
			tell(crash{point: "harness:restore", wants: []ending{passesAgain}}, (*crashed).bothDie)
		}
	})
}

// TestSwarmEngineDies kills dockerd in the middle of a stage, starts it again, and wants
// the same. The engine is the story's own.
func TestSwarmEngineDies(t *testing.T) {
	t.Parallel()
	stages := []run.Stage{run.StageUpgrade}
	if wholeSwarm {
		stages = append(stages, run.StageRestart, run.StageInstall)
	}
	for _, stage := range stages {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			e := swarmtest.New(t, swarmtest.Options{})
			server, program, dir := forgetest.NewServer(t), binary(t, "failpoints"), t.TempDir()
			before, err := lookAround()
			if err != nil {
				t.Fatal(err)
			}
			c := crash{recipe: "guestbook-swarm", before: onDocker(e), wants: []ending{passesEventually}}
			if err := tellCrash(server, program, dir, before, c, func(s *crashed) error { return s.engineDies(e, stage) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// passesEventually is a run that may have borne the outage, or been left unverified.
var passesEventually = ending{run.VerdictPass, run.EndedNormally, atLast, forge.StatusSuccess, "✅ **pass**"}

func onDocker(e *swarmtest.Engine) func(s *crashed) error {
	return func(s *crashed) error {
		s.docker = e
		return nil
	}
}

func tellSwarmCrashes(t *testing.T, e *swarmtest.Engine, all func(t *testing.T, tell func(c crash, killed func(*crashed) error))) {
	server := forgetest.NewServer(t)
	program := binary(t, "failpoints")
	before, err := lookAround()
	if err != nil {
		t.Fatal(err)
	}
	turns := make(chan struct{}, crashesAtOnce)
	n := 0
	all(t, func(c crash, killed func(*crashed) error) {
		c.recipe, c.before = "guestbook-swarm", onDocker(e)
		n++
		t.Run(fmt.Sprintf("%d %s", n, c.point), func(t *testing.T) {
			dir, told := t.TempDir(), make(chan error, 1)
			go func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				told <- tellCrash(server, program, dir, before, c, killed)
			}()
			t.Parallel()
			if err := <-told; err != nil {
				t.Error(err)
			}
		})
	})
}

// engineDies kills dockerd when the run is in a stage, and starts it again.
func (s *crashed) engineDies(e *swarmtest.Engine, stage run.Stage) error {
	if err := s.reaches(stage); err != nil {
		return err
	}
	time.Sleep(time.Second) // into the stage
	e.Kill()
	if err := e.Restart(context.Background()); err != nil {
		return err
	}
	return os.WriteFile(s.once, nil, 0o600) // it has happened
}
