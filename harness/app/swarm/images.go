package swarm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/recipes/compose"
)

// pullLimit is for one image over a slow line.
const pullLimit = 15 * time.Minute

// Pull brings the images of a recipe here that are not, or whose tag may have moved. An
// image that a registry does not have is a *app.Fault; a registry that cannot be asked,
// or does not want to be asked so often, is an error of ours.
func (e *Engine) Pull(ctx context.Context, r *compose.Recipe, say func(format string, args ...any)) error {
	return each(ctx, r, func(s compose.Service) error {
		_, err := e.bring(ctx, r, s, say)
		return err
	})
}

// each brings the image of every service, also after one that cannot be had: who mends the
// recipe wants to know of all. What is surely the recipe's counts more than an error of ours.
func each(ctx context.Context, r *compose.Recipe, bring func(compose.Service) error) error {
	var faults *app.Fault
	var ours error
	for _, s := range r.Services {
		err := bring(s)
		f, ok := errors.AsType[*app.Fault](err)
		switch {
		case !ok:
			ours = errors.Join(ours, err)
		case faults == nil:
			faults = f
		default:
			faults.Summary += "; " + f.Summary
			faults.Evidence = append(faults.Evidence, f.Evidence...)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if faults != nil {
		return faults
	}
	return ours
}

// held is an image that is here.
type held struct {
	id     string
	pinned string // name, tag and digest; empty for one that no registry vouches for
	size   int64
}

// bring makes sure that a service's image is here.
func (e *Engine) bring(ctx context.Context, r *compose.Recipe, s compose.Service, say func(format string, args ...any)) (held, error) {
	named, err := reference.ParseNormalizedNamed(s.Image)
	if err != nil {
		at := r.At("services", s.Name, "image")
		return held{}, &app.Fault{Summary: fmt.Sprintf("%s:%d: the image of %s, %q, has no valid name: %v", at.File, at.Line, s.Name, s.Image, err)}
	}
	named = reference.TagNameOnly(named)
	image, err := e.look(ctx, named)
	if err == nil && !moves(named) {
		return image, nil
	}
	if err != nil && !notFound(err) {
		return held{}, fmt.Errorf("cannot look for the image %s: %w", s.Image, err)
	}
	there := err == nil
	say("pulling %s", s.Image)
	if err := e.pull(ctx, named); err != nil {
		if there {
			return image, nil // what is here is the newest that can be had
		}
		return held{}, blamePull(r, s, err)
	}
	if image, err = e.look(ctx, named); err != nil {
		return held{}, fmt.Errorf("cannot look for the image %s: %w", s.Image, err)
	}
	return image, nil
}

// moves says whether a tag names another image from time to time by its nature.
func moves(named reference.Named) bool {
	tagged, ok := named.(reference.Tagged)
	return ok && tagged.Tag() == "latest"
}

func (e *Engine) look(ctx context.Context, named reference.Named) (held, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, err := e.ImageInspect(ctx, named.String())
	if err != nil {
		return held{}, err
	}
	image := held{id: answer.ID, size: answer.Size}
	for _, vouched := range answer.RepoDigests {
		known, err := reference.ParseNormalizedNamed(vouched)
		if digested, ok := known.(reference.Digested); err == nil && ok && known.Name() == named.Name() {
			image.pinned = pin(named, digested)
		}
	}
	return image, nil
}

// pin is a name with the digest of what it names now.
func pin(named reference.Named, d reference.Digested) string {
	if _, ok := named.(reference.Digested); ok {
		return named.String()
	}
	return named.String() + "@" + d.Digest().String()
}

func (e *Engine) pull(ctx context.Context, named reference.Named) error {
	ctx, cancel := context.WithTimeout(ctx, pullLimit)
	defer cancel()
	header, err := e.auth.header(named)
	if err != nil {
		return err
	}
	answer, err := e.ImagePull(ctx, named.String(), client.ImagePullOptions{RegistryAuth: header})
	if err != nil {
		return err
	}
	defer answer.Close()
	return answer.Wait(ctx)
}

// blamePull says whose fault it is that an image cannot be pulled. Registries say it in
// words; what is not surely the recipe's is ours.
func blamePull(r *compose.Recipe, s compose.Service, err error) error {
	text := strings.TrimSpace(err.Error())
	lower := strings.ToLower(text)
	for _, why := range []struct{ says, what string }{
		{"toomanyrequests", "the registry's limit is reached"},
		{"rate limit", "the registry's limit is reached"},
		{"no space left", "the disk is full"},
		{"unauthorized", "the registry wants credentials: see --registry-auth"},
		{"authentication required", "the registry wants credentials: see --registry-auth"},
		{"no basic auth credentials", "the registry wants credentials: see --registry-auth"},
	} {
		if strings.Contains(lower, why.says) {
			return fmt.Errorf("cannot pull the image %s: %s (%s)", s.Image, why.what, text)
		}
	}
	for _, says := range []string{"manifest unknown", "not found", "repository does not exist", "name unknown", "no matching manifest"} {
		if strings.Contains(lower, says) {
			at := r.At("services", s.Name, "image")
			return &app.Fault{
				Summary:  fmt.Sprintf("the image of %s cannot be pulled: %s is not in its registry", s.Name, s.Image),
				Evidence: []string{fmt.Sprintf("%s:%d: image: %s", at.File, at.Line, s.Image), text},
				Hint:     "is the tag spelt right, and was it pushed?",
			}
		}
	}
	return fmt.Errorf("cannot pull the image %s: %w", s.Image, err)
}

// ensureImages brings the images of a release and pins them, so that the swarm starts
// exactly these and asks no registry.
func (a *App) ensureImages(ctx context.Context, d *deployed) error {
	return each(ctx, d.recipe, func(s compose.Service) error {
		image, err := a.cfg.Engine.bring(ctx, d.recipe, s, a.say)
		if err != nil {
			return err
		}
		d.pinned[s.Name], d.images[s.Name] = image.pinned, image.id
		a.mu.Lock()
		a.images[image.id] = image.size
		a.used.Images = 0
		for _, size := range a.images {
			a.used.Images += size
		}
		a.mu.Unlock()
		return nil
	})
}
