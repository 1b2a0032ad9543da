"""leadone: one lead in; beats, waves, rhythm and alerts out. The five-line API is here, the rest by folder."""




__version__ = "0.1.0"
