"""The application: joins routing, binding, message and pages to one request handler."""
