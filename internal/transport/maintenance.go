package transport

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Maintenance changes what a cluster keeps of groups and topics: for tools, not
// for a running service.
type Maintenance interface {
	// Members describes the live members of a group; empty for a group without
	// any, or that does not exist.
	Members(ctx context.Context, group string) ([]string, error)
	// SetGroupOffsets commits offsets for a group that has no members. A group
	// with members is a [GroupInUseError].
	SetGroupOffsets(ctx context.Context, group string, offsets Offsets) error
	// DeleteGroup deletes a group with its offsets; one that does not exist is
	// no error, one with members a [GroupInUseError].
	DeleteGroup(ctx context.Context, group string) error
	// DeleteTopic deletes a topic and returns once it is gone; one that does
	// not exist is no error.
	DeleteTopic(ctx context.Context, topic string) error
}

// GroupInUseError says that a group has members.
type GroupInUseError struct {
	Group   string
	Members []string // as far as known
}

func (e *GroupInUseError) Error() string {
	who := ""
	if len(e.Members) > 0 {
		who = ": " + strings.Join(e.Members, ", ")
	}
	return fmt.Sprintf("group %s has members%s; stop them first, and wait for their session timeout if they were killed", e.Group, who)
}

// ErrNoMaintenance is returned where a cluster cannot be maintained.
var ErrNoMaintenance = errors.New("this kind of cluster has no maintenance")

// Maintain returns a cluster's maintenance.
func Maintain(c Cluster) (Maintenance, error) {
	if m, ok := c.(Maintenance); ok {
		return m, nil
	}
	return nil, ErrNoMaintenance
}
