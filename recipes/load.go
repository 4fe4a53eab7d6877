package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"seatrial/internal/lazyregexp"
)

// fileNames are the names that an enrolment's file may have. CUE is not read: what
// it would evaluate to can be written here as JSON.
var fileNames = []string{"recipe.yaml", "recipe.yml", "recipe.json"}

var folderName = lazyregexp.New(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Load reads every enrolment under dir. What is wrong with one does not take the
// others down: the good ones are in the book, and everything wrong is in
// Book.Problems. The error is for a folder that cannot be read at all.
func Load(dir string) (*Book, error) {
	rules, err := compileSchema()
	if err != nil {
		return nil, err
	}
	files, problems, err := list(dir)
	if err != nil {
		return nil, err
	}
	var good []page
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			problems = append(problems, Problem{File: file, Message: fmt.Sprintf("cannot read the file: %v", cause(err))})
			continue
		}
		p, found := rules.parse(file, text)
		if len(found) > 0 {
			problems = append(problems, found...)
			continue
		}
		good = append(good, p)
	}
	return bind(good, problems), nil
}

// LoadFile reads one enrolment, which may lie anywhere.
func LoadFile(file string) (Enrolment, []Problem, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Enrolment{}, nil, fmt.Errorf("cannot read the enrolment: %w", err)
	}
	return Parse(file, text)
}

// Parse reads one enrolment from its text. The file's name is for messages, and its
// folder's name is the recipe's. With problems there is no enrolment.
func Parse(file string, text []byte) (Enrolment, []Problem, error) {
	rules, err := compileSchema()
	if err != nil {
		return Enrolment{}, nil, err
	}
	p, problems := rules.parse(file, text)
	return p.enrolment, problems, nil
}

// page is a good enrolment, and where it says whose it is.
type page struct {
	enrolment Enrolment
	repo      Problem   // without a message
	deps      []Problem // one for each of its dependencies, without a message
}

// parse collects everything that is wrong with a text; only where there is nothing,
// there is an enrolment.
func (s *schema) parse(file string, text []byte) (page, []Problem) {
	doc, problem := readDocument(s.noun, file, text)
	if problem != nil {
		return page{}, []Problem{*problem}
	}
	if problems := s.check(doc); len(problems) > 0 {
		return page{}, sortProblems(problems)
	}
	if problems := checkAmounts(doc); len(problems) > 0 {
		return page{}, sortProblems(problems)
	}
	e := Enrolment{Name: filepath.Base(filepath.Dir(file)), File: file}
	raw, err := json.Marshal(doc.value)
	if err == nil {
		err = json.Unmarshal(raw, &e)
	}
	if err != nil {
		return page{}, []Problem{doc.problem("", false, "the file cannot be understood: %v", err)}
	}
	if problems := checkMeaning(doc, e); len(problems) > 0 {
		return page{}, sortProblems(problems)
	}
	p := page{enrolment: Defaults(e), repo: doc.problem("/repo", false, "")}
	for i := range e.Deps {
		p.deps = append(p.deps, doc.problem(fmt.Sprintf("/deps/%d", i), false, ""))
	}
	return p, nil
}

// list finds each recipe's file, and what is wrong with the folders.
func list(dir string) (files []string, problems []Problem, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the enrolments: %w", err)
	}
	for _, entry := range entries {
		folder := filepath.Join(dir, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") || !isFolder(folder) {
			continue
		}
		if !folderName.MatchString(entry.Name()) {
			problems = append(problems, Problem{File: folder, Message: fmt.Sprintf("a recipe's folder is named with small letters, digits and -, not %q", entry.Name())})
			continue
		}
		found := filesIn(folder)
		switch len(found) {
		case 0:
			problems = append(problems, Problem{File: folder, Message: "there is no " + fileNames[0] + " in this folder"})
		case 1:
			files = append(files, found[0])
		default:
			problems = append(problems, Problem{File: found[1], Message: fmt.Sprintf("%s lies beside it; a recipe has one file: remove either", filepath.Base(found[0]))})
		}
	}
	return files, problems, nil
}

func filesIn(folder string) []string {
	var found []string
	for _, name := range fileNames {
		file := filepath.Join(folder, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			found = append(found, file)
		}
	}
	return found
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// bind makes a book, and refuses enrolments that claim the same repository, and those
// whose dependencies cannot be had.
func bind(good []page, problems []Problem) *Book {
	b := &Book{Enrolments: make([]Enrolment, 0, len(good))}
	places := map[string][]Problem{}
	for _, p := range good {
		twin := slices.IndexFunc(good, func(o page) bool {
			return o.enrolment.File != p.enrolment.File && sameRepo(o.enrolment, p.enrolment)
		})
		if twin < 0 {
			b.Enrolments = append(b.Enrolments, p.enrolment)
			places[p.enrolment.Name] = p.deps
			continue
		}
		twice := p.repo
		twice.Message = fmt.Sprintf("%s is enrolled twice, here and at %s: keep one", p.enrolment.Repo, good[twin].repo.Place())
		problems = append(problems, twice)
	}
	b.Problems = problems
	b.refuseDeps(func(e Enrolment, i int) Problem { return places[e.Name][i] })
	slices.SortFunc(b.Enrolments, compareNames)
	b.Problems = sortProblems(b.Problems)
	return b
}
