// Package dbservertest starts real database servers for tests: PostgreSQL and MariaDB, as
// Debian packages them, in a folder of their own and on a socket in it. Nothing listens
// on the network, and nothing is left when the test ends. Without the programs the test
// is skipped, or fails if the suite must run.
package dbservertest
