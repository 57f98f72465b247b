"""What every gRPC server and client shares: errors, servers, channels, JSON."""
