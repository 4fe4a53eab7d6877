// Package compose reads a Co-op Cloud recipe for Docker Swarm, as data.
//
// A recipe is a folder: compose.yml with its overlays, .env.sample, abra.sh, configs.
// The package expands, merges and checks them as the docker program's own stack deploy
// would, for one deployment, and remembers the file and line of everything. It runs
// nothing, follows no link out of the folder, and reads a bounded part of every file.
// What is wrong with a recipe is a Problems error, which names file and line. It knows
// no Docker Engine and no run.
package compose
