// Package apptest holds the promises of package app as tests, and a fake app that
// keeps them.
//
// Contract runs one subtest for each sentence of the interface comments, against
// any deployer. Fake is an app in a temporary folder, without processes: quick,
// obedient, able to fail on demand, and quarrelsome about misuse. Only tests use
// this package.
package apptest
