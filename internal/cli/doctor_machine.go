package cli

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/forge"
	"seatrial/harness/app/process"
	"seatrial/internal/perform"
)

// programLimit is for a program that only says its version, or an engine that is asked how it is.
const programLimit = 20 * time.Second

// hasGit: everything is fetched with git.
func hasGit(ctx context.Context) forge.Ability {
	ctx, cancel := context.WithTimeout(ctx, programLimit)
	defer cancel()
	a := forge.Ability{Name: "fetch with git"}
	out, err := exec.CommandContext(ctx, "git", "--version").Output()
	if err != nil {
		a.State, a.Why, a.Next = forge.AbilityMissing, "The program git does not work here: "+err.Error()+".", "Install git."
		return a
	}
	a.State, a.Why = forge.AbilityThere, strings.TrimSpace(string(out))+"."
	return a
}

// isolates: code that no enrolment trusts can be kept from this machine.
func isolates() forge.Ability {
	a := forge.Ability{Name: "keep code isolated"}
	if err := process.CheckIsolation(); err != nil {
		a.State, a.Why = forge.AbilityWeak, "Only recipes whose enrolment trusts their code can run on this machine."
		a.Next = forge.Sentence(err)
		return a
	}
	a.State, a.Why = forge.AbilityThere, "What runs here is kept from this machine by bubblewrap."
	return a
}

// deploys: the engine that was named deploys stacks.
func (c *doctorCommand) deploys(ctx context.Context) forge.Ability {
	ctx, cancel := context.WithTimeout(ctx, programLimit)
	defer cancel()
	a := forge.Ability{Name: "deploy on Docker Swarm"}
	engine, err := perform.Engine(ctx, dispatch.Settings{Docker: c.Docker})
	if err != nil {
		a.State, a.Why, a.Next = forge.AbilityMissing, forge.Sentence(err), "docker -H "+c.Docker+" info must say Swarm: active and Is Manager: true."
		return a
	}
	engine.Close()
	a.State, a.Why = forge.AbilityThere, "The engine answers, and manages a swarm."
	return a
}
