package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"seatrial/harness/run"
	"seatrial/internal/exit"
	"seatrial/recipes"
	"seatrial/recipes/nomadvars"
)

// watchEnrolments are those in files and, where runs go to a cluster, in its variables.
func (sv *Server) watchEnrolments(ctx context.Context) (nomadvars.Files, error) {
	var files nomadvars.Files
	files, err := recipes.Watch(sv.Tests, sv.Log)
	if errors.Is(err, fs.ErrNotExist) && sv.cluster != nil {
		files, err = noFiles{}, nil
	}
	if err != nil {
		return nil, exit.Errorf(exit.Configuration, "%w (name the folder of the enrolments with --tests)", err)
	}
	if sv.cluster == nil {
		return files, nil
	}
	return nomadvars.Watch(ctx, files, sv.cluster.Client, sv.cluster.Namespaces.Runs, sv.Log), nil
}

// noFiles are the enrolments in a folder that is not there.
type noFiles struct{}

func (noFiles) Book() *recipes.Book       { return &recipes.Book{} }
func (noFiles) Run(context.Context) error { return nil }
func (noFiles) Reload() error             { return nil }

// prepares says whether a waiting run has to be prepared.
func (sv *Server) prepares(r run.Request) bool {
	if sv.executor.preparer == nil {
		return false
	}
	e, ok := sv.enrolment(r.Recipe)
	return ok && sv.executor.prepares(e)
}

// enrolment finds a recipe's settings as they are now.
func (sv *Server) enrolment(name string) (recipes.Enrolment, bool) {
	return sv.enrolments.Book().ByName(name)
}

// reportProblems logs what is wrong with enrolments. It is an error only if that
// leaves none.
func reportProblems(book *recipes.Book, log *slog.Logger) error {
	for _, p := range book.Problems {
		log.Error("an enrolment cannot be used", "problem", p.String())
	}
	if len(book.Enrolments) == 0 && len(book.Problems) > 0 {
		return exit.With(exit.Configuration, errors.New("no enrolment can be used: seatrial recipes check shows why"))
	}
	return nil
}
