package kafka

import (
	"testing"

	"github.com/millrace/millrace/internal/transport"
	"github.com/millrace/millrace/internal/transport/transporttest"
)

func TestConformance(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transport.Cluster { return newTestCluster(t, brokers(t)) })
}
