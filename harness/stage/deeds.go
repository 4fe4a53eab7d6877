package stage

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes"

	"time"
)

// deploy starts a release where nothing is and waits until it is healthy.
func (x *exam) deploy(ctx context.Context, r app.Release) error {
	x.say("deploying %s", r.Name)
	err := within(ctx, x.deployLimit(), "deploying "+r.Name, func(ctx context.Context) error { return x.App.Deploy(ctx, r) })
	if err != nil {
		return err
	}
	return x.awaitUp(ctx)
}

func (x *exam) stop(ctx context.Context) error {
	x.say("asking the app to stop")
	return within(ctx, x.stopLimit(), "stopping the app", x.App.Stop)
}

func (x *exam) start(ctx context.Context) error {
	x.say("starting the app")
	if err := within(ctx, x.deployLimit(), "starting the app", x.App.Start); err != nil {
		return err
	}
	return x.awaitUp(ctx)
}

// clear destroys everything, volumes too, and proves that nothing is left.
func (x *exam) clear(ctx context.Context) error {
	x.up = false
	x.say("destroying everything")
	made, _ := x.App.Inventory(ctx) // what cannot be counted now is listed below
	if err := within(ctx, destroyLimit, "destroying the app", x.App.Destroy); err != nil {
		return ours("cannot destroy the app", err)
	}
	return within(ctx, askLimit, "listing what is left", func(ctx context.Context) error {
		left, err := x.App.Inventory(ctx)
		if err != nil {
			return ours("cannot list what is left of the app", err)
		}
		if len(left) > 0 {
			var names []string
			for _, o := range left {
				names = append(names, o.Kind+" "+o.ID)
			}
			return fmt.Errorf("destroyed the app, but this is left: %s", strings.Join(names, ", "))
		}
		x.removed += len(made)
		return nil
	})
}

// ours makes an error that blames nobody but us, whatever is inside.
func ours(what string, err error) error { return fmt.Errorf("%s: %w", what, ranOut{err}) }

// hook runs a command of the enrolment where the app runs.
func (x *exam) hook(ctx context.Context, name string, c recipes.CommandLine) error {
	if c.IsZero() {
		return nil
	}
	return x.command(ctx, name, c.String(), app.Command{Args: c.Args, Shell: c.Shell})
}

// command runs a hook, whoever wrote it. A code other than 0 is a fault.
func (x *exam) command(ctx context.Context, name, text string, c app.Command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	limit := x.Enrolment.Timeouts.Hook
	x.say("running %s", name)
	inner, cancel := context.WithTimeout(ctx, time.Duration(limit))
	defer cancel()
	result, err := x.App.Exec(inner, c)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(inner.Err(), context.DeadlineExceeded):
		return &run.Fault{
			Summary:  fmt.Sprintf("%s did not end within %s", name, limit),
			Evidence: append([]string{"$ " + text}, lastLines(result.Output)...),
			Hint:     "timeouts.hook in the enrolment is the limit",
		}
	case err != nil:
		return fmt.Errorf("cannot run %s: %w", name, err)
	case result.ExitCode != 0:
		return &run.Fault{
			Summary:  fmt.Sprintf("%s exited with code %d", name, result.ExitCode),
			Evidence: append([]string{"$ " + text}, lastLines(result.Output)...),
		}
	}
	return nil
}

// lastLines is the end of a command's output.
func lastLines(output string) []string {
	output = strings.TrimRight(strings.ToValidUTF8(output, "�"), "\n")
	if output == "" {
		return nil
	}
	lines := strings.Split(output, "\n")
	return lines[max(0, len(lines)-tailLines):]
}
