"""What the served OpenAPI document says beyond what Litestar reads off the handlers."""

from litestar._openapi.schema_generation import SchemaCreator  # Litestar has no public name for these two.
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin
from litestar.openapi.spec import Schema
from litestar.typing import FieldDefinition
from msgspec import Struct


class ClosedObjects(StructSchemaPlugin):
    """Says of every Struct that refuses unknown fields that it does."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Take Structs that refuse unknown fields; the others stay Litestar's."""
        if not super().is_plugin_supported_field(field_definition):
            return False
        declared = field_definition.type_
        return issubclass(declared, Struct) and declared.__struct_config__.forbid_unknown_fields

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: SchemaCreator) -> Schema:
        """Describe the Struct as Litestar does, and close it."""
        schema = super().to_openapi_schema(field_definition, schema_creator)
        schema.additional_properties = False
        return schema
