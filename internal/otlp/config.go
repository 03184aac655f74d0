package otlp

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	engine "github.com/escher-dbai/cloudops-engine"
)

// Config says where spans and counts go. What it does not say the variables OTEL_… do.
type Config struct {
	// Endpoint is the URL of a collector, to which /v1/traces or /v1/metrics is added. Empty:
	// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or …_METRICS_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT,
	// else it is off.
	Endpoint string
	// Headers are sent with everything, NAME=VALUE each.
	Headers []string
	// Version is that of the program.
	Version string
	// Logger is told of what could not be sent.
	Logger *slog.Logger
	// Lookup is os.LookupEnv if it is nil.
	Lookup func(name string) (string, bool)
}

// scope is what we call ourselves where an instrumentation has a name.
const scope = "github.com/escher-dbai/cloudops-engine"

// resource is this program, as a collector is told of it.
func (c *Config) resource(ctx context.Context) (*resource.Resource, error) {
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithProcessPID(),
		resource.WithAttributes(attribute.String("service.name", "cloudops"), attribute.String("service.version", c.Version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("%w: OTEL_RESOURCE_ATTRIBUTES: %w", engine.ErrInvalidConfig, err)
	}
	return about, nil
}
