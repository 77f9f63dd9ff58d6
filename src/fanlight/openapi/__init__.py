"""What a site says about itself: the types that its views return, and its description in OpenAPI.

In reading order:

    return_types                                what a view is annotated to return
    scalar_schemas, schemas                     types as JSON Schema
    raised_errors, security_schemes             the errors that code raises, the credentials that it takes
    operation_inputs, operation_responses       one route and method: what is sent, what comes back
    openapi_settings, operations, document      the whole site
    docs_page, openapi_routes                   the page for people, and the addresses of both
"""
