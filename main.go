// Seatrial tests app packages from a comment: a member of an organisation writes
// `!testme` on a pull request, and the app in it is deployed, upgraded, restarted,
// backed up, destroyed, restored and checked; everything is torn down and proven
// gone, and the same comment tells the verdict.
package main

import "seatrial/internal/cli"

// version is set when the program is built.
var version = "dev"

func main() { cli.Execute(version) }
