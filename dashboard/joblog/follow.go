package joblog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"seatrial/harness/run"
	"seatrial/internal/pause"
)

// lookPause is between two looks at a log that grows, or at a run that has not come so far.
const lookPause = 500 * time.Millisecond

// Opener opens the log of an attempt on this machine. fs.ErrNotExist: there is none (yet).
type Opener func(id run.ID, attempt int) (io.ReadSeekCloser, error)

// errOver ends a log that is not followed.
var errOver = errors.New("that is all there is")

// whole writes the logs of a run's attempts, one after the other. With follow it goes on
// until the run has ended.
func (s *Service) whole(ctx context.Context, asked logQuery, out io.Writer) error {
	one := s.fromFile
	if s.source != nil {
		one = s.fromJob
	}
	for attempt := 1; ; {
		r, err := s.journal.Report(ctx, asked.run)
		if err != nil {
			return fmt.Errorf("cannot read the run: %w", err)
		}
		if r.Attempt < attempt {
			if r.State == run.Ended || !asked.follow {
				return nil
			}
			if err := pause.For(ctx, lookPause, nil); err != nil {
				return err
			}
			continue
		}
		if attempt > 1 {
			if _, err := fmt.Fprintf(out, "seatrial: attempt %d\n", attempt); err != nil {
				return err
			}
		}
		if err := one(ctx, asked, attempt, out); err != nil {
			if errors.Is(err, errOver) {
				return nil
			}
			return err
		}
		attempt++
	}
}

// fromFile writes an attempt's log on this machine, until the attempt is over.
func (s *Service) fromFile(ctx context.Context, asked logQuery, attempt int, out io.Writer) error {
	var file io.ReadSeekCloser
	defer func() {
		if file != nil {
			file.Close()
		}
	}()
	for {
		over, err := s.isOver(ctx, asked.run, attempt) // before the last look at the file
		if err != nil {
			return err
		}
		if file == nil {
			if file, err = s.open(asked.run, attempt); errors.Is(err, fs.ErrNotExist) {
				file, err = nil, nil
			}
		}
		if err == nil && file != nil {
			_, err = io.Copy(out, file)
		}
		switch {
		case err != nil:
			return err
		case over:
			return nil
		case !asked.follow:
			return errOver
		}
		if err := pause.For(ctx, lookPause, nil); err != nil {
			return err
		}
	}
}

// fromJob writes what the job of an attempt on the cluster prints. Of attempts that are
// over before somebody asks, the journal knows no job any more.
func (s *Service) fromJob(ctx context.Context, asked logQuery, attempt int, out io.Writer) error {
	for {
		r, err := s.journal.Report(ctx, asked.run)
		switch {
		case err != nil:
			return fmt.Errorf("cannot read the run: %w", err)
		case r.Attempt > attempt:
			return nil
		case r.Started != nil && r.Started.Job != "":
			if err := s.source(ctx, r.Started.Job, asked.stream, asked.follow, out); err != nil {
				return err
			}
			return s.afterJob(ctx, asked, attempt)
		case r.State == run.Ended:
			return nil
		case !asked.follow:
			return errOver
		}
		if err := pause.For(ctx, lookPause, nil); err != nil {
			return err
		}
	}
}

// afterJob waits until it is known whether there is another attempt.
func (s *Service) afterJob(ctx context.Context, asked logQuery, attempt int) error {
	for {
		over, err := s.isOver(ctx, asked.run, attempt)
		switch {
		case over || err != nil:
			return err
		case !asked.follow:
			return errOver
		}
		if err := pause.For(ctx, lookPause, nil); err != nil {
			return err
		}
	}
}

func (s *Service) isOver(ctx context.Context, id run.ID, attempt int) (bool, error) {
	r, err := s.journal.Report(ctx, id)
	if err != nil {
		return false, fmt.Errorf("cannot read the run: %w", err)
	}
	return r.Attempt > attempt || r.State == run.Ended, nil
}
