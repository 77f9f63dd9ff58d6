"""A view's parameters: where each value comes from, and how it is converted.

In reading order:

    callables, scope, metadata, annotations    what a function is, and its annotations
    defaults, signature                        a view's parameters
    kinds, convert, describe                   types, conversion of text, and words for messages
    json_scalars, diagnose, json_errors        validation of JSON
    class_fields, class_builders               classes that a client fills
    fields, body, input_parameter              a query, a form, cookies, header fields; JSON
    plan, arguments                            the source of each parameter; a request's arguments
    dependencies, dependency_plan              what a view depends on, found once and run for each request
    form_redisplay                             a form with its errors
    markers                                    `Cookie`, `Header`, `Field`, `Body`: the part that users import
"""
