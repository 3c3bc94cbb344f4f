// Package deploytest checks the files of a deployment, as tests: that
// docker-compose.yml loads, that each service of the app is started with flags
// and processors that exist, and that what it mounts is there. A container
// engine is not needed.
package deploytest
