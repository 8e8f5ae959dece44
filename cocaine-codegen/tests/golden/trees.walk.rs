use cocaine::Result;
