package gitea

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

const (
	// latestCommits is how much of a default branch is looked at.
	latestCommits = 50
	// gitLimit bounds the fetch of those commits: they are some kilobytes.
	gitLimit = time.Minute
)

// branchTip is what was found at a commit of a default branch; it never changes. It is kept
// packed: a thousand repositories' trees take 2 MiB so, and five times as much as words.
type branchTip struct {
	commit string
	trees  []byte
}

// DefaultBranch returns the name of a repository's default branch and the trees of its
// latest commits, newest first; no trees for an empty repository.
//
// Gitea's API names no trees (what it gives as a commit's tree is the commit), so git
// is asked for the commits, without any files, whenever the branch has moved.
func (f *Forge) DefaultBranch(ctx context.Context, repo forge.Repo) (string, []forge.Tree, error) {
	client, err := f.client(ctx, "branch")
	if err != nil {
		return "", nil, err
	}
	r, _, err := client.GetRepo(repo.Owner, repo.Name)
	if err != nil {
		return "", nil, adapter.Failed(err, "read the repository %s", repo)
	}
	if r.DefaultBranch == "" {
		return "", nil, fmt.Errorf("cannot read the repository %s: the answer names no default branch", repo)
	}
	if r.Empty {
		return r.DefaultBranch, nil, nil
	}
	list, _, err := client.ListRepoCommits(repo.Owner, repo.Name, sdk.ListCommitOptions{
		ListOptions: sdk.ListOptions{Page: 1, PageSize: 1}, SHA: r.DefaultBranch,
	})
	if err != nil {
		return "", nil, adapter.Failed(err, "look up the branch %s of %s", r.DefaultBranch, repo)
	}
	if len(list) == 0 || list[0] == nil || list[0].CommitMeta == nil {
		return "", nil, fmt.Errorf("cannot look up the branch %s of %s: the answer names no commit", r.DefaultBranch, repo)
	}
	tip := list[0].SHA
	f.mu.Lock()
	known := f.tips[repo]
	f.mu.Unlock()
	if known.commit == tip {
		return r.DefaultBranch, unpackTrees(known.trees, len(tip)/2), nil
	}
	log, err := f.fetchLog(ctx, repo, r.DefaultBranch)
	var trees []forge.Tree
	if err == nil {
		trees, err = parseLog(log)
	}
	if err != nil {
		return "", nil, fmt.Errorf("cannot read the branch %s of %s: %w", r.DefaultBranch, repo, err)
	}
	if len(trees) > 0 && trees[0].Commit == tip { // else it moved just now
		packed, err := packTrees(trees)
		if err != nil {
			return "", nil, fmt.Errorf("cannot read the branch %s of %s: %w", r.DefaultBranch, repo, err)
		}
		f.mu.Lock()
		f.tips[repo] = branchTip{commit: tip, trees: packed}
		f.mu.Unlock()
	}
	return r.DefaultBranch, trees, nil
}

// fetchLog fetches a branch's latest commits into a repository that it throws away, and
// returns a line for each: commit, tree, time.
func (f *Forge) fetchLog(ctx context.Context, repo forge.Repo, branch string) (string, error) {
	ctx, cancel := context.WithTimeout(adapter.WithKind(ctx, "git"), gitLimit)
	defer cancel()
	dir, err := os.MkdirTemp(f.scratch, "seatrial-branch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	f.wire.Count(ctx)
	return f.git().Log(ctx, f.cloneURL(repo), "refs/heads/"+branch, dir, "%H %T %ct", latestCommits)
}

// parseLog reads what fetchLog returned.
func parseLog(log string) ([]forge.Tree, error) {
	var trees []forge.Tree
	for line := range strings.Lines(log) {
		var t forge.Tree
		var at int64
		if _, err := fmt.Sscan(line, &t.Commit, &t.Tree, &at); err != nil {
			return nil, fmt.Errorf("git printed %q: %w", line, err)
		}
		t.At = time.Unix(at, 0).UTC()
		trees = append(trees, t)
	}
	return trees, nil
}

// packTrees writes commit, tree and time of each in binary, one after the other.
func packTrees(trees []forge.Tree) (packed []byte, err error) {
	for _, t := range trees {
		for _, hash := range []string{t.Commit, t.Tree} {
			if packed, err = hex.AppendDecode(packed, []byte(hash)); err != nil {
				return nil, fmt.Errorf("git printed the hash %q: %w", hash, err)
			}
		}
		packed = binary.BigEndian.AppendUint64(packed, uint64(t.At.Unix()))
	}
	return slices.Clone(packed), nil // no larger than it must be
}

// unpackTrees reads what packTrees wrote of hashes of a size.
func unpackTrees(packed []byte, size int) (trees []forge.Tree) {
	for one := range slices.Chunk(packed, 2*size+8) {
		trees = append(trees, forge.Tree{
			Commit: hex.EncodeToString(one[:size]), Tree: hex.EncodeToString(one[size : 2*size]),
			At: time.Unix(int64(binary.BigEndian.Uint64(one[2*size:])), 0).UTC(),
		})
	}
	return trees
}
